import { finished } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { BenchStack } from './bench-stack.ts';
import type { Sample } from './compare-cases.ts';
import { measure } from './measure.ts';
import { withServerCpu } from './server-cpu.ts';

/** The baseline of every extraction: reads a view by binary COPY, and discards the rows. */
export async function copyBinary({ sourceUrl, postgres }: BenchStack, view: string): Promise<Sample> {
  const client = new pg.Client(sourceUrl);
  await client.connect();
  const statement = `copy (select * from ${pg.escapeIdentifier(view)}) to stdout (format binary)`;
  const { result, serverCpuSeconds } = await withServerCpu(postgres.pid, () =>
    measure(() => finished(client.query(copyTo(statement)).resume())),
  );
  await client.end();
  const { seconds, busySeconds, cpuSeconds } = result.measured;
  return { seconds, busySeconds, cpuSeconds, serverCpuSeconds };
}
