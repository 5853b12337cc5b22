/** n8n, as the command line knows it. */
import type { ServiceLine } from '../service-line.ts';
import { about, fields } from './fields.ts';

export const line: ServiceLine = {
  ...about, fields, methods: ['api-key'], oauth: false,
};
