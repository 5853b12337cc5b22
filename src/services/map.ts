/** The services that can be set up: a service is its folder and its line here. */
import { line as mattermost } from './mattermost/line.ts';
import { line as mautic } from './mautic/line.ts';
import { line as n8n } from './n8n/line.ts';
import type { ServiceLine } from './service-line.ts';

export const serviceLines: readonly ServiceLine[] = [mautic, mattermost, n8n];

/** How somebody begins who has nothing stored. */
export const howToSetUp = `Set one up with: ${serviceLines.map(({ id }) => `credsetup ${id}`).join(', or: ')}`;
