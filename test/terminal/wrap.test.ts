import { describe, expect, it } from 'vitest';
import { wrap, wrapBeside, wrapHelp } from '../../src/terminal/wrap.ts';

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
    expect(wrap('  Ignore SSL Issues  off and on again', 24)).toBe('  Ignore SSL Issues  off\n    and on again');
    expect(wrap(`${' '.repeat(30)}one two`, 24).split('\n').at(-1)).toMatch(/^ {8}\S/);
  });

  it('never breaks a word without spaces: one that no line holds stands alone from the left edge on, to be copied', () => {
    expect(wrap(`    Open   ${link}`, 40)).toBe(`    Open\n${link}`);
    expect(wrap(`   ${link}`, 24)).toBe(link);
    expect(wrap(`  Sign in at ${link} and see.`, 40)).toBe(`  Sign in at\n${link}\n  and see.`);
    expect(wrap(`    Sign in at ${link} and see.`, link.length + 2)).toBe(`    Sign in at\n${link}\n    and see.`);
    expect(wrap(`Sign in at ${link} and see.`, 60)).toBe(`Sign in at\n${link} and\nsee.`);
  });

  it('that is a command at the end of a line is copied whole too, and one in a sentence is a part of it', () => {
    const push = 'credsetup push n8n chat --replace --hand-over';
    expect(wrap(`  The copy is older. Bring it up to date: ${push}`, 60)).toBe(`  The copy is older. Bring it up to date:\n${push}`);
    expect(wrap(`  ${push}`, 30)).toBe(push);
    expect(wrap('  \u001b[2mMore: credsetup help AUTHORIZATION_TIMEOUT\u001b[22m', 40)).toBe('  \u001b[2mMore:\ncredsetup help AUTHORIZATION_TIMEOUT\u001b[22m');
    expect(wrap(`  To be sure: ${push}, and then once more.`, 40)).toMatch(/^ {2}To be sure: credsetup push n8n chat\n/);
    expect(wrap('credsetup says that there is no keychain.', 30)).toBe('credsetup says that there is\nno keychain.');
  });

  it('of a help has its explanation below it where both have no room beside each other', () => {
    const help = 'Usage: credsetup list\n\nOptions:\n  --json                    one JSON document\n                            on standard output\n  --quiet                   less';
    expect(wrapHelp(help, 60)).toBe(help);
    expect(wrapHelp(help, 30)).toBe('Usage: credsetup list\n\nOptions:\n  --json\n      one JSON document on\n      standard output\n  --quiet\n      less');
  });

  it('of a list keeps its place behind the cursor of the list', () => {
    expect(wrapBeside(`Yes, ${link}`, 'it answers there', 40, 59)).toEqual([`Yes,\n    ${link}`, '\n    it answers there']);
    expect(wrapBeside(link, 'it answers there', 40, 55)).toEqual([link, '\n    it answers there']);
  });

  it('of a list has its note beside it where there is room, else below it', () => {
    expect(wrapBeside('Keychain', 'try it again after unlocking it', 42, 10)).toEqual(['Keychain', '  try it again after unlocking\n            it']);
    expect(wrapBeside('Make an account for n8n as well (admin)', 'needs an admin', 40, 41)).toEqual(['Make an account for n8n as well\n    (admin)', '\n    needs an admin']);
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
