/** Mattermost, as the command line knows it. */
import type { ServiceLine } from '../service-line.ts';
import { about, adminToken, bot, description, expiresIn, fields, mfaCode, password, username } from './fields.ts';

export const line: ServiceLine = {
  ...about, fields, methods: ['access-token'], oauth: false,
  provisioning: {
    option: '--create-token', help: 'sign in once and make the token',
    repairHelp: 'as an admin, change on the server what keeps a token from being made',
    fields: [username, password, mfaCode, adminToken, description, expiresIn, bot],
    signInFields: [username, password, mfaCode, adminToken], secretFields: [description, expiresIn],
  },
};
