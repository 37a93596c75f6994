import type { ConnectionOptions } from 'node:tls';

/**
 * The TLS modes, with libpq's meaning (https://www.postgresql.org/docs/current/libpq-ssl.html): no encryption; encryption without a check of
 * the server; a certificate from a trusted authority; a certificate from a trusted authority that also names the host.
 */
export const tlsModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type TlsMode = (typeof tlsModes)[number];

/** Whether a host is this machine: a loopback address or the folder of a socket. */
export function isLocalHost(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host) || isSocket(host);
}

const isSocket = (host: string): boolean => host.startsWith('/') || host === 'socket';

/** Returns Node's options for a mode, or false for no encryption. With certificates, `require` means `verify-ca`, as in libpq. */
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
