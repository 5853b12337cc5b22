/** A practice Mattermost of its own process, so that its work is not counted with ours: prints its address and tokens. */
import { setTimeout as wait } from 'node:timers/promises';
import { startMattermost } from '../../build/mattermost.js';

const [tokens, milliseconds] = process.argv.slice(2).map(Number);
const server = await startMattermost({ tokensEnabled: true });
const [maker] = server.state.users.filter(({ username }) => username === 'maker');
// Each account has its own: the lists of one account's tokens and sessions stay short.
const made = Array.from({ length: tokens }, (_, at) => {
  const username = `maker-${at}`;
  server.state.users.push({ ...maker, username, id: at.toString(36).padStart(26, '0') });
  server.joinTeam(username);
  return server.makeToken(username).token;
});
if (milliseconds > 0) {
  server.intercept = async (_, answer) => {
    await wait(milliseconds);
    return answer();
  };
}
let counted = 0;
process.on('message', () => {
  process.send({ requests: server.log.length - counted });
  counted = server.log.length;
});
process.on('disconnect', () => process.exit());
process.send({ url: server.url, tokens: made });
