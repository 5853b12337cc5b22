/** Pages of a Mautic that is none: whatever is in them is read or told, and no form, link or redirect leads to another origin. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCredsetupError } from '../../src/errors.ts';
import { createResponse } from '../../src/http/response.ts';
import type { Api } from '../../src/services/api.ts';
import { hasClass, readDocument } from '../../src/services/mautic/pages/document.ts';
import { openVisit } from '../../src/services/mautic/pages/visit.ts';
import { inputs } from '../generated.ts';

const markup = fc.constantFrom(
  '<form name="f" action="', '<form id=f name=f>', '</form>', '<input name="a" value="', '<input type=radio name=a checked>', '<select name=s data-order="', '<select multiple name=s>', '<option selected>',
  '<textarea name=t>', '</textarea>', '<fieldset disabled>', '<legend>', '<template>', '<datalist>', '<table><td>', '<svg>', '<math>', '<script>', '<style>', '<!--', '-->', '<![CDATA[', '<plaintext>', '<base href="https://evil.example/">',
  '<div class="has-error">', '<span class="help-block">', '">', '\'', '"', '>', '</', '&amp;', '&#0;', '&#x110000;', '\0', '[1', '["a"]', '{"on":"checked"}', '" form="f" name="__proto__', '" data-enable-on="{', 'constructor', '\ud800', 'ä',
);
const page = fc.oneof(
  { weight: 4, arbitrary: fc.array(markup, { maxLength: 25 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
);

describe('a page', () => {
  it('is read whatever it holds, and what a browser would send are texts under names that stand in it', async () => {
    await fc.assert(fc.asyncProperty(page, async (html) => {
      const document = await readDocument(`<form name="login">${html}`, '/s/login');
      for (const name of ['login', 'f', '__proto__', 'constructor', 'toString']) {
        const form = document.form(name);
        if (form === undefined) continue;
        expect(form.faults.every(({ text }) => !text.includes('\n'))).toBe(true);
        form.radio('a');
        form.valueOf('__proto__');
        try {
          for (const [sent, value] of form.pairs()) expect([form.names.has(sent), typeof value]).toEqual([true, 'string']);
        } catch (error) {
          if (!isCredsetupError(error)) throw error;
          expect(error.code).toBe('RESPONSE_INVALID');
        }
      }
      for (const text of document.texts((one) => hasClass(one, 'help-block'))) expect(text).not.toMatch(/[\r\n]/);
      document.attributes(({ name }) => name === 'a', '__proto__');
    }), inputs(500));
  });
});

const hosts = ['https://crm.example.com', 'https://crm.example.com/mautic', 'https://crm.example.com:8443', 'http://127.0.0.1:8080'];
const target = fc.array(fc.constantFrom(
  'https:', 'http:', 'javascript:', 'data:', '//', '/', '\\', '@', ':', '?', '#', '..', '.', '%2e%2e', '%2f', '%5c', 'evil.example', 'crm.example.com', 'crm.example.com.evil.example', '127.0.0.1', '8443', '8080', 'mautic', 'mauticx',
  's', 'login', 'index.php', ' ', '\t', '\n', '\0', 'ä', '\u3002', '\uff0f', 'x=1', '[::1]', 'crm.example.com@evil.example',
), { maxLength: 10 }).map((parts) => parts.join(''));

describe('a form\'s action and a redirect', () => {
  it('lead to the service\'s own origin and folder, or are refused', async () => {
    let followed = 0;
    await fc.assert(fc.asyncProperty(fc.constantFrom(...hosts), target, fc.boolean(), async (base, leads, byForm) => {
      const asked: string[] = [];
      const api: Api = {
        base,
        send: async ({ path }) => {
          asked.push(`${base}${path}`);
          const headers = asked.length === 1 && !byForm ? { 'content-type': 'text/html', 'location': leads.replace(/[\r\n\0]/g, '') } : { 'content-type': 'text/html' };
          return createResponse(new URL(`${base}${path}`), { status: 'location' in headers ? 302 : 200, headers, body: Buffer.alloc(0) }, `<form name="f" action="${leads.replace(/"/g, '')}"><input name=a value=b></form>`);
        },
      };
      const visit = await openVisit(api);
      const first = await visit.get('/s/login');
      try {
        if (byForm) {
          const form = (await first.document()).form('f')!;
          await visit.submit(form, first, form.pairs());
        } else {
          const next = first.redirect();
          if (next !== undefined) await visit.get(next);
        }
      } catch (error) {
        if (!isCredsetupError(error)) throw error;
        expect(['GATEWAY_IN_FRONT', 'RESPONSE_INVALID']).toContain(error.code);
        expect(asked).toHaveLength(1);
        return;
      }
      followed += 1;
      const { origin, pathname } = new URL(base);
      for (const url of asked) {
        expect(new URL(url).origin, leads).toBe(origin);
        expect(new URL(url).pathname.startsWith(pathname), leads).toBe(true);
      }
    }), inputs(500));
    expect(followed).toBeGreaterThan(0);
  });
});
