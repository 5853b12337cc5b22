/** The shapes of a practice n8n's answers, as n8n 2.41.1 was measured to give them. */
import { html, type PracticeRequest, type Reply } from './server.ts';

const json = { 'content-type': 'application/json; charset=utf-8' };

export const told = (body: unknown): Reply => ({ status: 200, headers: json, body });
export const refusal = (status: number, message: string): Reply => ({ status, headers: json, body: { message } });

const editor = '<!DOCTYPE html>\n<html lang="en">\n<head><title>n8n.io - Workflow Automation</title></head>\n<body><div id="app"></div></body>\n</html>\n';
export const editorPage = html(200, editor, { 'content-type': 'text/html; charset=utf-8' });
/** Of the first tenth of a second. */
export const startingPage = html(200, 'n8n is starting up. Please wait', { 'content-type': 'text/html; charset=utf-8' });

/** Of the seconds after, while the API's paths are not there yet. */
export function cannot({ method, path }: PracticeRequest): Reply {
  const page = `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot ${method} ${path}</pre>\n</body>\n</html>\n`;
  return html(404, page, { 'content-type': 'text/html; charset=utf-8' });
}
