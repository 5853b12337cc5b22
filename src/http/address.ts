/** The address of a request: what is refused before anything is sent, and how it is named. */
import type { Connection } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { isLoopbackHost } from './loopback.ts';

/** The part of a URL that an error may name. */
export interface Place {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** `host:port`, an IPv6 address in brackets. */
  readonly at: string;
  readonly secure: boolean;
}

/** Where a URL leads to, with the scheme's own port filled in. */
export function placeOf(url: URL): Place {
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, at: `${url.hostname}:${port}`, secure };
}

export const insecureHint =
  'Use https://. With --allow-http the address is used as it is: then everything, the password or token included, '
  + 'travels readable and changeable by anyone on the way, from here and from n8n too.';

/**
 * The request's URL, parsed. Throws URL_INVALID (not absolute, not http(s), user info, port 0) and
 * URL_INSECURE (http:// to another machine without `allowHttp`). Neither repeats the URL: a
 * password may stand in it.
 */
export function parseAddress(text: string, connection: Connection): URL {
  if (!URL.canParse(text)) throw invalid('The address is not a URL.');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid('The address is neither https:// nor http://.');
  if (url.username !== '' || url.password !== '') {
    throw invalid('The address holds a username or a password before its host.', 'Leave out what stands before the @; usernames and passwords are asked for on their own.');
  }
  const place = placeOf(url);
  if (place.port === 0) throw invalid(`Port 0 of ${place.host} cannot be connected to.`);
  if (!place.secure && !connection.allowHttp && !isLoopbackHost(url.hostname)) {
    throw new CredsetupError('URL_INSECURE', `http:// to ${place.at} is not encrypted; nothing was sent.`, { hint: insecureHint });
  }
  return url;
}

function invalid(message: string, hint = 'Give the address as your browser shows it, such as https://crm.example.com or https://crm.example.com:8443/folder.'): CredsetupError {
  return new CredsetupError('URL_INVALID', message, { hint });
}
