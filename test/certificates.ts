/** Certificates for tests, good ones and one of each bad kind, made by the `openssl` command (3.0 and later). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a TLS server needs: PEM texts. `cert` may hold a chain, the server's own certificate first. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  /** The private CA "Test Root", as PEM and as a file for --ca-file or NODE_EXTRA_CA_CERTS. */
  readonly ca: string;
  readonly caFile: string;
  /** For localhost, service.test, 127.0.0.1 and ::1, issued by the CA. */
  readonly good: Pair;
  /** As good, with the private CA's root sent along. */
  readonly withRoot: Pair;
  /** As good, signed by itself: its own CA. */
  readonly selfSigned: Pair;
  /** Issued by an intermediate of the CA, which is sent along. */
  readonly chained: Pair;
  /** The same without the intermediate. */
  readonly incomplete: Pair;
  /** 2020-01-01 to 2021-01-01. */
  readonly expired: Pair;
  /** As chained, but the intermediate has expired; the server's own has not. */
  readonly expiredChain: Pair;
  /** 2090-01-01 to 2099-01-01. */
  readonly notYetValid: Pair;
  /** For other.test and elsewhere.test. */
  readonly wrongHost: Pair;
  /** Issued by a second CA, "Other Root". */
  readonly otherCa: string;
  readonly ofOtherCa: Pair;
}

const configuration = `
[ca]
default_ca = main
[main]
dir = .
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = placeholder
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[good]
subjectAltName = DNS:localhost,DNS:service.test,IP:127.0.0.1,IP:::1
basicConstraints = CA:false
[other]
subjectAltName = DNS:other.test,DNS:elsewhere.test
basicConstraints = CA:false
`;

/** Makes all of them in `dir` (created when it is not there); half a second. */
export function makeCertificates(dir: string): Certificates {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'openssl.cnf'), configuration);
  writeFileSync(join(dir, 'index.txt'), '');
  const run = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const read = (file: string): string => readFileSync(join(dir, file), 'utf8');
  const newKey = (name: string): void => run('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`);
  const selfSign = (name: string, subject: string, extensions: string): void => run('req', '-x509', '-new', '-config', 'openssl.cnf', '-key', `${name}.key`, '-subj', subject, '-days', '3650', '-extensions', extensions, '-out', `${name}.pem`);
  const issue = (name: string, issuer: string, subject: string, extensions = 'good', from = '20200101000000Z', to = '20890101000000Z'): void => {
    run('req', '-new', '-config', 'openssl.cnf', '-key', extensions === 'root' ? `${name}.key` : 'server.key', '-subj', subject, '-out', `${name}.csr`);
    run('ca', '-batch', '-notext', '-config', 'openssl.cnf', '-cert', `${issuer}.pem`, '-keyfile', `${issuer}.key`, '-in', `${name}.csr`, '-extensions', extensions, '-startdate', from, '-enddate', to, '-out', `${name}.pem`);
  };
  for (const name of ['root', 'intermediate', 'ended', 'second', 'server']) newKey(name);
  selfSign('root', '/CN=Test Root', 'root');
  selfSign('second', '/CN=Other Root', 'root');
  selfSign('server', '/CN=Self Made', 'good');
  issue('intermediate', 'root', '/CN=Test Intermediate', 'root');
  issue('ended', 'root', '/CN=Ended Intermediate', 'root', '20200101000000Z', '20210101000000Z');
  issue('below', 'ended', '/CN=service.test');
  issue('leaf', 'root', '/CN=service.test');
  issue('deep', 'intermediate', '/CN=service.test');
  issue('old', 'root', '/CN=service.test', 'good', '20200101000000Z', '20210101000000Z');
  issue('future', 'root', '/CN=service.test', 'good', '20900101000000Z', '20990101000000Z');
  issue('elsewhere', 'root', '/CN=other.test', 'other');
  issue('foreign', 'second', '/CN=service.test');
  const key = read('server.key');
  const pair = (...files: string[]): Pair => ({ key, cert: files.map((file) => read(`${file}.pem`)).join('') });
  return {
    ca: read('root.pem'), caFile: join(dir, 'root.pem'),
    good: pair('leaf'), withRoot: pair('leaf', 'root'), selfSigned: pair('server'),
    chained: pair('deep', 'intermediate'), incomplete: pair('deep'),
    expired: pair('old'), expiredChain: pair('below', 'ended'), notYetValid: pair('future'), wrongHost: pair('elsewhere'),
    otherCa: read('second.pem'), ofOtherCa: pair('foreign'),
  };
}
