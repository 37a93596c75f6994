import { once } from 'node:events';
import { connect } from 'node:net';

const CONNECT_TIMEOUT_MS = 5_000;

/** The variables that replace a part of the stack with an external service, and the form of each address. */
const FORMS: Record<string, { form: string; address: (value: string) => { host: string; port: number } }> = {
  SOURCE_DATABASE_URL: {
    form: 'postgresql://user:password@host:port/database',
    address: (value) => addressOf(value, /^postgres(ql)?:$/, 5432),
  },
  PUBSUB_EMULATOR_HOST: {
    form: 'host:port',
    address: (value) => addressOf(`tcp://${value}`, /^tcp:$/),
  },
  STORAGE_EMULATOR_HOST: {
    form: 'http://host:port',
    address: (value) => addressOf(value, /^https?:$/, 80),
  },
  BIGQUERY_EMULATOR_HOST: {
    form: 'http://host:port/bigquery/v2',
    address: (value) => addressOf(value, /^https?:$/, 80),
  },
  BIGQUERY_STORAGE_EMULATOR_HOST: {
    form: 'host:port',
    address: (value) => addressOf(`tcp://${value}`, /^tcp:$/),
  },
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
      const { host, port } = address(value);
      if (host === '' || !(port > 0)) return [`${name} must have the form ${form}`];
      return (await isListening(host, port)) ? [] : [`${name}: nothing listens at ${host}:${port}`];
    }),
  );
  if (BIGQUERY.some((name) => env[name]) && !BIGQUERY.every((name) => env[name])) {
    problems.push([`${BIGQUERY.join(' and ')} must be set together, to the same BigQuery`]);
  }
  if (problems.flat().length > 0) throw new Error(problems.flat().join('\n'));
}

/** The host is empty if the value has the wrong form. */
function addressOf(value: string, protocol: RegExp, defaultPort = 0): { host: string; port: number } {
  if (!URL.canParse(value)) return { host: '', port: 0 };
  const url = new URL(value);
  const isExpected = protocol.test(url.protocol);
  return {
    host: isExpected ? url.hostname.replace(/^\[(.*)\]$/, '$1') : '',
    port: Number(url.port) || defaultPort,
  };
}

async function isListening(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
