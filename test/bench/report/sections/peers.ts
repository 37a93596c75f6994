import { z } from 'zod';
import { chartOfRates, mainOf, tablesOf } from '../compared-section.ts';
import { caseOf, recordsOf } from '../figures.ts';
import { type Aim, NOT_RECORDED, type WriteSection } from '../section.ts';
import { seconds, table } from '../tables.ts';

const NO_PEERS = ['extract', 'COPY binary'];
const versions = z.record(z.string(), z.string());
const texts = z.array(z.string());

const WHY = `dlt's connectorx backend reads a binary COPY in Rust, on threads beside Python's, and hands whole columns to Arrow; its Parquet files are written by C++. That is more machinery on more threads than our one
main thread; it judges no value, proves no key and keeps no checkpoint. Sling reads rows as text and writes JSON lines.`;

export const peersSection: WriteSection = (all) => {
  const records = recordsOf(all, 'peers');
  const main = mainOf(records);
  return {
    title: 'Beside others',
    aims: [aimOf(main)],
    charts:
      main === null
        ? []
        : [
            chartOfRates(
              'performance-peers',
              'The same view, by programs of others',
              main,
              Object.keys(main.compared.cases).filter((name) => name !== 'extract'),
            ),
          ],
    text: [
      `\`npm run bench -- peers\` runs, in turn and on the same view of the same server, what others use for the same work: dlt with two of its backends, into Parquet, and Sling, into compressed JSON lines. It measures those that Python or the path of the machine
has, names the others, and installs nothing: \`PYTHON\` and \`SLING\` say where they are.`,
      WHY,
      ...(main === null
        ? []
        : [
            table(['program', 'versions'], Object.entries(versions.parse(main.record.result.versions))),
            ...texts.parse(main.record.result.not_measured).map((line) => `Not measured: ${line}.`),
          ]),
      ...records.map((record) => tablesOf(record)),
    ].join('\n\n'),
  };
};

function aimOf(main: ReturnType<typeof mainOf>): Aim {
  const aim = 'extract: faster than every peer in the same run';
  const peers = Object.entries(main?.compared.cases ?? {}).filter(([name]) => !NO_PEERS.includes(name));
  const [fastest] = peers.toSorted(([, a], [, b]) => a.seconds.median - b.seconds.median);
  if (main === null || fastest === undefined)
    return { aim, measured: NOT_RECORDED, isMet: null, missedBy: '' };
  const [name, peer] = fastest;
  const ours = caseOf(main.compared, 'extract').seconds.median;
  const isMet = ours < peer.seconds.median;
  return {
    aim,
    measured: `${seconds(ours)} s; the fastest peer, ${name}, ${seconds(peer.seconds.median)} s`,
    isMet,
    missedBy: isMet ? '' : `a factor of ${(ours / peer.seconds.median).toFixed(2)}`,
  };
}
