/**
 * A Mattermost for measuring: every answer takes the milliseconds that it is told, and it has as
 * many tokens as are asked for. Prints one line of JSON when it is ready.
 */
import { startMattermost } from './mattermost.ts';

const [milliseconds = 5, tokens = 1] = process.argv.slice(2).map(Number);
const server = await startMattermost({ tokensEnabled: true });
server.intercept = async (_request, answer) => {
  await new Promise((resolve) => { setTimeout(resolve, milliseconds); });
  return answer();
};
process.stdout.write(`${JSON.stringify({ url: server.url, tokens: Array.from({ length: tokens }, () => server.makeToken('maker').token) })}\n`);
process.once('SIGTERM', () => { void server.close(); });
