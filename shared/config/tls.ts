import type { ConnectionOptions } from 'node:tls';

/**
 * What is wanted of a connection, as libpq means it (https://www.postgresql.org/docs/current/libpq-ssl.html): no encryption;
 * encryption with whoever answers; with a certificate that a trusted authority signed; with one that also names the host.
 */
export const tlsModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type TlsMode = (typeof tlsModes)[number];

/** Of this machine: a loopback address, or the folder of a socket. */
export function isLocalHost(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host) || isSocket(host);
}

const isSocket = (host: string): boolean => host.startsWith('/') || host === 'socket';

/** Node's options of a mode; false for no encryption. `require` with certificates given is `verify-ca`, as libpq has it. */
export function tlsOptions(mode: TlsMode, ca: string | null): ConnectionOptions | false {
  const trusted = ca === null ? {} : { ca };
  switch (mode) {
    case 'disable':
      return false;
    case 'require':
      return ca === null ? { rejectUnauthorized: false } : tlsOptions('verify-ca', ca);
    case 'verify-ca':
      return { ...trusted, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'verify-full':
      return { ...trusted, rejectUnauthorized: true };
  }
}
