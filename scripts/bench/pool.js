/** What a run is held against: an undici pool of the same width that sends as many requests and reads the answers. */
import { Pool } from 'undici';

const [url, token, requests, width] = process.argv.slice(2);
const pool = new Pool(url, { connections: Number(width) });
let left = Number(requests);
await Promise.all(Array.from({ length: Number(width) }, async () => {
  while (left > 0) {
    left -= 1;
    const { body } = await pool.request({ path: '/api/v4/users/me', method: 'GET', headers: { authorization: `Bearer ${token}` } });
    await body.json();
  }
}));
await pool.close();
