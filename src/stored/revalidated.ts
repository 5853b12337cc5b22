/** The record after a validation: one way to it, whoever asked. */
import type { Connection } from '../context.ts';
import type { Credential, Warning } from '../credential.ts';
import { connectionWarnings } from '../server/connection.ts';
import type { ServerState } from '../services/api.ts';
import type { Method, Service, Validation } from '../services/service.ts';

/** How it was validated, and what came of it. */
export interface Validated {
  readonly service: Service;
  readonly method: Method;
  readonly url: string;
  readonly connection: Connection;
  readonly validation: Validation;
  readonly now: Date;
  /** What the server said of itself, where it was looked at in the same run. */
  readonly inspected?: ServerState | undefined;
}

/**
 * The credential with what the server says of it now. What only a look at the server or at the
 * client finds is kept when nobody looked; an end that was told before is kept when none is told.
 */
export function revalidated(there: Credential, { service, method, url, connection, validation, now, inspected }: Validated): Credential {
  const version = validation.version ?? inspected?.version ?? there.server.version;
  const expiresAt = validation.expiresAt ?? there.expiresAt;
  const kept = [...method.oauth?.clientWarningCodes ?? [], ...(inspected === undefined ? service.inspectWarnings : [])];
  return {
    ...there, url,
    account: validation.account, server: version === undefined ? {} : { version },
    ...(expiresAt === undefined ? {} : { expiresAt }),
    validatedAt: now.toISOString(),
    // What an account may do is not known where nobody signed in.
    ...(there.signIn === undefined ? { capabilities: validation.capabilities } : {}),
    ignoreSslIssues: connection.ignoreSslIssues, allowHttp: connection.allowHttp, caCertificates: connection.certificates.length,
    warnings: [
      ...inspected?.warnings ?? [],
      ...there.warnings.filter(({ code }) => kept.includes(code)),
      ...(there.grant === 'client-credentials' ? method.oauth?.clientCredentialsWarnings ?? [] : []),
      // What n8n meets on the way to a service is nothing to the n8n itself.
      ...connectionWarnings(url, connection, method).filter(({ code }) => service.address.isN8n !== true || !code.startsWith('N8N_')),
      ...validation.warnings,
      ...capabilityWarnings(service, validation.capabilities),
    ],
  };
}

/** One warning for each right that a node of n8n needs and the account lacks. */
function capabilityWarnings(service: Service, capabilities: Readonly<Record<string, boolean>>): readonly Warning[] {
  return Object.entries(capabilities).filter(([, may]) => !may).map(([name]) => ({
    code: 'CAPABILITY_MISSING', message: `${name}: not for this account; ${service.capabilityUse[name] ?? 'n8n may need it'}.`,
  }));
}
