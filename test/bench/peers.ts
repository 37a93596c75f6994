import type { Bench } from './bench.ts';
import { startBenchStack } from './bench-stack.ts';
import { compareCases, type Sample } from './compare-cases.ts';
import { copyBinary } from './copy-binary.ts';
import { findExtractPeers } from './extract-peers.ts';
import { createItems, extractItems } from './item-source.ts';
import { ITEM_VIEW } from './items.ts';
import { withServerCpu } from './server-cpu.ts';

/**
 * Extracts N rows of SMartApp's largest view beside programs of others, as far as this machine has them: dlt with two of its backends, and Sling. All read the same view of the same
 * server and write compressed files, in turn. dlt's time is without its imports, as ours is; Sling's is that of the whole program. The baseline is the binary COPY.
 */
export const peersBench: Bench = {
  maxRows: 999_999_999,
  rows: 1_000_000,
  async run({ rows, rounds, report }) {
    const { peers, missing } = await findExtractPeers();
    for (const { needs, reason } of missing) report(`not measured: ${needs} (${reason})`);
    await using stack = await startBenchStack();
    report(`creating ${rows} rows`);
    await createItems(stack, rows);
    const ours: Sample[] = [];
    const baseline: Sample[] = [];
    const theirs = peers.map((peer) => ({ peer, samples: [] as Sample[] }));
    for (let round = 1; round <= rounds; round += 1) {
      baseline.push(await copyBinary(stack, ITEM_VIEW));
      ours.push(await extractItems(stack, rows, { name: `peers-${round}` }));
      for (const { peer, samples } of theirs) {
        const { result, serverCpuSeconds } = await withServerCpu(stack.postgres.pid, () =>
          peer.copy(stack.sourceUrl, ITEM_VIEW),
        );
        if (result.rows !== rows)
          throw new Error(`${peer.name} copied ${result.rows} rows instead of ${rows}`);
        samples.push({ ...result, serverCpuSeconds });
      }
      const times = theirs.map(({ peer, samples }) => `${peer.name} ${samples.at(-1)?.seconds.toFixed(2)} s`);
      report(`round ${round}: ${[`extract ${ours.at(-1)?.seconds.toFixed(2)} s`, ...times].join('; ')}`);
    }
    const named = Object.fromEntries(theirs.map(({ peer, samples }) => [peer.name, samples]));
    return {
      ...compareCases(rows, { extract: ours, 'COPY binary': baseline, ...named }),
      versions: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
      not_measured: missing.map(({ needs }) => needs),
    };
  },
};
