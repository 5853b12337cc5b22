/** What somebody is told who sits there and is not asked. */
import { describe, expect, it } from 'vitest';
import { whyNotAsked, type Asking } from '../src/not-asked.ts';
import { errorOf, script } from './commands/support.ts';

const all: Asking = { input: true, ci: false, stdin: true, stderr: true, env: {} };

describe('who is not asked', () => {
  it.each<[string, Partial<Asking>, RegExp | '']>([
    ['nobody on a terminal', {}, ''],
    ['--no-input', { input: false }, /--no-input/],
    ['CI in a person\'s terminal', { ci: true }, /CI is set; .*CI= in front/],
    ['Git Bash', { stdin: false, stderr: false, env: { MSYSTEM: 'MINGW64' } }, /mintty.*winpty/],
    ['mintty by its name', { stdin: false, env: { TERM_PROGRAM: 'mintty' } }, /winpty/],
    ['docker exec -i', { stdin: false, stderr: false }, /docker exec without -t/],
    ['a pipe', { stdin: false }, /standard input is no terminal/],
    ['2> file', { stderr: false }, /standard error, where questions stand, is redirected/],
  ])('is told why: %s', (_, asking, says) => {
    const told = whyNotAsked({ ...all, ...asking });
    if (says === '') expect(told).toBe('');
    else expect(told).toMatch(says);
  });

  it('by the program, beside what is missing', async () => {
    const hint = async (env: Readonly<Record<string, string>>, ...more: string[]) => errorOf(await script().run(['mattermost', '--json', ...more], { env })).hint;
    expect(await hint({ CI: 'true' })).toMatch(/option or its variable\. Nothing was asked, for CI is set/);
    expect(await hint({ CI: 'false' })).toContain('docker exec');
    expect(await hint({ CI: 'true' }, '--no-input')).toContain('--no-input');
  });

  it('and of an n8n that does not answer nothing is said of what n8n would meet there', async () => {
    const done = errorOf(await script().run(['n8n', '--url', 'http://127.0.0.1:1', '--json'], { env: { CREDSETUP_API_KEY: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl' } }));
    expect(done).toMatchObject({ code: 'CONNECTION_REFUSED', message: expect.stringContaining('nothing listens there') as string, hint: 'Check the port and that the server runs.' });
  });
});
