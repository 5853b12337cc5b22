/** The pages for people, as they stand in the repository, and what of them a test can read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/** Paths from the root, with forward slashes. */
export const pages: readonly string[] = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).sort().map((name) => `docs/${name}`)];

export function page(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export interface Block {
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page, also indented ones of a list. */
export function blocksOf(path: string): readonly Block[] {
  return [...page(path).matchAll(/^( *)```(\S*)\n([\s\S]*?)^\1```$/gm)].map(([, indent = '', language = '', text = '']) => ({
    page: path, language, text: text.replace(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** As GitHub makes it of a heading. */
export function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
}

/** A page's anchors; what stands in blocks is no heading. */
export function anchorsOf(path: string): ReadonlySet<string> {
  const text = page(path).replace(/^( *)```[\s\S]*?^\1```$/gm, '');
  return new Set([...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) => anchorOf(heading)));
}
