/** Ways to write credentials out: pure functions from credentials to text. */
import type { FullCredential } from '../credential.ts';
import { toJson } from './json.ts';

export type ExportFormat = 'json';
export type Exporter = (credentials: readonly FullCredential[], now: Date) => string;

export const exporters: Readonly<Record<ExportFormat, Exporter>> = { json: toJson };
