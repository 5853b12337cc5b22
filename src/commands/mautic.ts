import { mautic } from '../services/mautic/index.ts';
import { setUpCommand } from './set-up.ts';

export const run = setUpCommand(mautic);
