/** What counts as this machine: no proxy ever sees it, and http:// is fine there. */
import { BlockList, isIP } from 'node:net';

// Made when it is first asked: node:net is a fifth of a start that asks no server.
let list: BlockList | undefined;

function loopback(): BlockList {
  if (list !== undefined) return list;
  // A BlockList also knows the IPv4-mapped forms, ::ffff:127.0.0.1 and ::ffff:7f00:1.
  list = new BlockList();
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addAddress('::1', 'ipv6');
  return list;
}

/** Whether an IP address (no name, no brackets), such as a socket's remoteAddress, is loopback. */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && loopback().check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Whether a host, as `URL.hostname` gives it, stands for this machine by its name: 127.0.0.0/8,
 * ::1 (brackets or not), localhost and *.localhost (RFC 6761 §6.3). A name is a promise only:
 * before anything is sent over http:// the client looks at the connected socket as well.
 */
export function isLoopbackHost(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name);
}
