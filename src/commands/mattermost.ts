import { mattermost } from '../services/mattermost/index.ts';
import { setUpCommand } from './set-up.ts';

export const run = setUpCommand(mattermost);
