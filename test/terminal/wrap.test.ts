import { describe, expect, it } from 'vitest';
import { wrap } from '../../src/terminal/wrap.ts';

const link = 'https://mautic.example.org/s/config/edit?tab=apiconfig';

describe('A long line of talk', () => {
  it('is broken between words, and goes on under its first word', () => {
    expect(wrap('  one two three four five', 20)).toBe('  one two three four\n  five');
    expect(wrap('  ✔ one two three four five', 20)).toBe('  ✔ one two three\n    four five');
    expect(wrap('1. one two three four five', 20)).toBe('1. one two three\n   four five');
    expect(wrap('Open   one two three four five six', 24)).toBe('Open   one two three\n       four five six');
  });

  it('goes on behind a dash and behind a mark in words as behind a sign', () => {
    expect(wrap('- clock: no stored server answered', 24)).toBe('- clock: no stored\n  server answered');
    expect(wrap('  [ok] Signed in as somebody', 24)).toBe('  [ok] Signed in as\n       somebody');
  });

  it('stays as it is when it fits exactly, with its inner spaces', () => {
    expect(wrap('  Name    n8n integr', 20)).toBe('  Name    n8n integr');
  });

  it('is not indented so far that nothing is left of the line', () => {
    expect(wrap('  Ignore SSL Issues  off and on again', 24)).toBe('  Ignore SSL Issues  off\n  and on again');
    expect(wrap(`${' '.repeat(30)}one two`, 24).split('\n').at(-1)).toMatch(/^ {8}\S/);
  });

  it('never breaks a word without spaces, nor puts a line end before one that no line holds', () => {
    expect(wrap(`    Open   ${link}`, 40)).toBe(`    Open   ${link}`);
    expect(wrap(`   ${link}`, 24)).toBe(`   ${link}`);
    expect(wrap(`Sign in at ${link} and see.`, 60)).toBe(`Sign in at\n${link} and\nsee.`);
  });

  it('is measured as it is seen: colours take no room, wide characters two columns', () => {
    expect(wrap('\u001b[2mone two three\u001b[22m four', 20)).toBe('\u001b[2mone two three\u001b[22m four');
    expect(wrap('  \u001b[32m✔\u001b[39m one two three four', 20)).toBe('  \u001b[32m✔\u001b[39m one two three\n    four');
    expect(wrap('漢字漢字 漢字漢字 漢字漢字', 20)).toBe('漢字漢字 漢字漢字\n漢字漢字');
  });

  it('is left alone on a terminal that is hardly one, and empty lines stay', () => {
    expect(wrap('one two three four five', 10)).toBe('one two three four five');
    expect(wrap('one\n\none two three four five', 20)).toBe('one\n\none two three four\nfive');
  });
});
