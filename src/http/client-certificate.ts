/**
 * Whether a server wants a certificate of its clients. It says so in four ways: nginx answers 400
 * with a page, TLS 1.3 ends the connection after the handshake with an alert that most requests
 * never see, TLS 1.2 ends the handshake with the alert of a missing cipher, and Apache asks in the
 * middle of a connection, which node cannot do (each measured).
 */
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import type { HttpResponse } from '../context.ts';
import type { LookOptions } from './certificate.ts';

/** nginx's pages, Apache's, and IIS's. Measured with nginx 1.22. */
const pages = /No required SSL certificate was sent|The SSL certificate error<|Post-Handshake Authentication|HTTP Error 403\.7/;

/** An answer that stands for a missing client certificate. */
export function isAboutClientCertificate({ status, text }: HttpResponse): boolean {
  return (status === 400 || status === 403) && pages.test(text.slice(0, 4096));
}

const required = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';

/** One TLS handshake, over which nothing is sent: true when it ends as one does that lacks a client certificate. Never throws. */
export function wantsClientCertificate({ host, port, lookup, milliseconds, signal }: LookOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host, port, rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}), ...(lookup === undefined ? {} : { lookup }),
    });
    const end = (wants: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      socket.destroy();
      resolve(wants);
    };
    const giveUp = (): void => end(false);
    const timer = setTimeout(giveUp, milliseconds);
    signal.addEventListener('abort', giveUp);
    // Keys are agreed on: version and ciphers were no obstacle, whatever the alert is called.
    let agreed = false;
    socket.once('keylog', () => { agreed = true; });
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code === required || (agreed && /HANDSHAKE_FAILURE$/.test(error.code ?? ''))));
    socket.on('close', giveUp);
  });
}
