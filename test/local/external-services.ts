import { once } from 'node:events';
import { connect } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { parseDatabaseUrl } from '../../shared/config/database-config.ts';
import { isLocalHost, type TlsMode, tlsModes, tlsOptions } from '../../shared/config/tls.ts';

const CONNECT_TIMEOUT_MS = 5_000;

interface Address {
  host: string;
  port: number;
}

/** The variables that replace a part of the stack with an external service, and the form of each address. */
const FORMS: Record<string, { form: string; address: (value: string) => Address | undefined }> = {
  SOURCE_DATABASE_URL: {
    form: 'postgresql://user:password@host:port/database, with @ / ? # % of the password written as %40 %2F %3F %23 %25',
    address: databaseAddress,
  },
  PUBSUB_EMULATOR_HOST: { form: 'host:port', address: hostAndPort },
  STORAGE_EMULATOR_HOST: { form: 'http://host:port', address: (value) => httpAddress(value, /^\/?$/) },
  BIGQUERY_EMULATOR_HOST: {
    form: 'http://host:port/bigquery/v2',
    address: (value) => httpAddress(value, /^\/bigquery\/v2\/?$/),
  },
  BIGQUERY_STORAGE_EMULATOR_HOST: { form: 'host:port', address: hostAndPort },
};

/** Both variables must mean the same BigQuery, because queries read the rows that were streamed. */
const BIGQUERY = ['BIGQUERY_EMULATOR_HOST', 'BIGQUERY_STORAGE_EMULATOR_HOST'];

/**
 * Checks, before anything is started, that the services which the environment points to can be reached. Throws an error that
 * names every variable whose value has the wrong form or whose address does not answer.
 */
export async function checkExternalServices(env: Record<string, string | undefined>): Promise<void> {
  const problems = await Promise.all(
    Object.entries(FORMS).map(async ([name, { form, address }]) => {
      const value = env[name];
      if (!value) return [];
      const found = address(value);
      if (found === undefined) return [`${name} must have the form ${form}`];
      return (await isListening(found)) ? [] : [`${name}: nothing listens at ${found.host}:${found.port}`];
    }),
  );
  if (BIGQUERY.some((name) => env[name]) && !BIGQUERY.every((name) => env[name])) {
    problems.push([`${BIGQUERY.join(' and ')} must be set together, to the same BigQuery`]);
  }
  if (problems.flat().length > 0) throw new Error(problems.flat().join('\n'));
}

/** How a connection of our own to SOURCE_DATABASE_URL is encrypted: as those of the functions (docs/configuration.md, "TLS"). */
export function sourceTls(env: Record<string, string | undefined>): ConnectionOptions | false {
  const url = env.SOURCE_DATABASE_URL ? parseDatabaseUrl(env.SOURCE_DATABASE_URL) : null;
  if (url === null) return false;
  const isLocal = isLocalHost(url.hostname) || url.hostname === '';
  const mode = tlsModes.find((known) => known === env.SOURCE_TLS) ?? (isLocal ? 'disable' : 'verify-full');
  return tlsOptions(mode satisfies TlsMode, env.SOURCE_TLS_CA || null);
}

/** A socket, which a URL without a host means, has no address. */
function databaseAddress(value: string): Address | undefined {
  const url = parseDatabaseUrl(value);
  return value.includes('@/') ? undefined : addressOf(url, 5432);
}

function hostAndPort(value: string): Address | undefined {
  return /^[^/@]+$/.test(value) ? addressOf(URL.parse(`tcp://${value}`)) : undefined;
}

function httpAddress(value: string, path: RegExp): Address | undefined {
  const url = URL.parse(value);
  const fits = url !== null && /^https?:$/.test(url.protocol) && path.test(url.pathname);
  return fits ? addressOf(url, 80) : undefined;
}

function addressOf(url: URL | null, defaultPort = 0): Address | undefined {
  if (url === null) return undefined;
  const address = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || defaultPort,
  };
  return address.host !== '' && address.port > 0 ? address : undefined;
}

async function isListening(address: Address): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
