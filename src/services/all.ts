/** Every service whole, in the order of the map: what it is beside the line that the command line knows. */
import { mattermost } from './mattermost/index.ts';
import { mautic } from './mautic/index.ts';
import { n8n } from './n8n/index.ts';
import type { Service } from './service.ts';

export const services: readonly Service[] = [mautic, mattermost, n8n];
