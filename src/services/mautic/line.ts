/** Mautic, as the command line knows it. */
import type { ServiceLine } from '../service-line.ts';
import { about, createUser, fields, password, username } from './fields.ts';

export const line: ServiceLine = {
  ...about, fields, methods: ['oauth2', 'basic'], oauth: true,
  provisioning: {
    option: '--create-client', help: 'OAuth2: sign in once and make the client',
    repairHelp: 'as an admin, turn on the API (and HTTP basic auth, where that is the method)',
    fields: [username, password, createUser], signInFields: [username, password], secretFields: [],
  },
};
