/** Every service that can be set up, whole. */
import { CredsetupError } from '../errors.ts';
import { services } from './all.ts';
import type { Method, Service } from './service.ts';

export { services };

/** Throws UNSUPPORTED for a service or method of a newer version. */
export function findService(id: string): Service {
  const service = services.find((one) => one.id === id);
  if (service === undefined) throw unsupported(`the service ${id}`);
  return service;
}

/** Throws UNSUPPORTED. */
export function findMethod(service: Service, id: string): Method {
  const method = service.methods.find((one) => one.id === id);
  if (method === undefined) throw unsupported(`the method ${id} of ${service.title}`);
  return method;
}

/** How a credential signs in. Throws UNSUPPORTED. */
export function methodOf({ service, method }: { readonly service: string; readonly method: string }): Method {
  return findMethod(findService(service), method);
}

function unsupported(what: string): CredsetupError {
  return new CredsetupError('UNSUPPORTED', `This version of credsetup does not know ${what}.`, {
    hint: 'Update credsetup; the credential was probably made by a newer version.',
  });
}
