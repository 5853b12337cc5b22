/** What the command line gives to act at the service for a stored credential. */
import type { StoredOptions } from '../stored/session.ts';
import { networkOptions, type Call } from './command.ts';

export function storedOptions({ fields, options }: { readonly fields: Call['fields']; readonly options: { readonly tokenId: string | undefined; readonly proxy: string | undefined; readonly timeout: number | undefined } }): StoredOptions {
  return { fields, tokenId: options.tokenId, proxy: options.proxy, timeout: networkOptions(options).timeout };
}
