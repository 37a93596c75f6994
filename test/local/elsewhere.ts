import { once } from 'node:events';
import { connect } from 'node:net';

const ANSWER_TIMEOUT_MS = 5_000;

/** The parts that the environment can point elsewhere, and the form that each address has. */
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

/** Both are one BigQuery: rows that were streamed are read by queries. */
const BIGQUERY = ['BIGQUERY_EMULATOR_HOST', 'BIGQUERY_STORAGE_EMULATOR_HOST'];

/**
 * Looks whether what the environment points elsewhere can be reached, before anything is started. Throws an error that names
 * every variable whose value has another form, or at whose address nobody answers.
 */
export async function checkElsewhere(env: Record<string, string | undefined>): Promise<void> {
  const faults = await Promise.all(
    Object.entries(FORMS).map(async ([name, { form, address }]) => {
      const value = env[name];
      if (!value) return [];
      const { host, port } = address(value);
      if (host === '' || !(port > 0)) return [`${name} must have the form ${form}`];
      return (await answers(host, port)) ? [] : [`${name}: nobody answers at ${host}:${port}`];
    }),
  );
  if (BIGQUERY.some((name) => env[name]) && !BIGQUERY.every((name) => env[name])) {
    faults.push([`${BIGQUERY.join(' and ')} must be given together: they are one BigQuery`]);
  }
  if (faults.flat().length > 0) throw new Error(faults.flat().join('\n'));
}

/** Without a host where the value has another form. */
function addressOf(value: string, protocol: RegExp, defaultPort = 0): { host: string; port: number } {
  if (!URL.canParse(value)) return { host: '', port: 0 };
  const url = new URL(value);
  const isMeant = protocol.test(url.protocol);
  return {
    host: isMeant ? url.hostname.replace(/^\[(.*)\]$/, '$1') : '',
    port: Number(url.port) || defaultPort,
  };
}

async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
