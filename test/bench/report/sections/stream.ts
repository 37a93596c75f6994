import { chartOfRates, mainOf, tablesOf } from '../compared-section.ts';
import { recordsOf } from '../figures.ts';
import { atLeast, type WriteSection } from '../section.ts';

const RATE = 5;

const WHY = `**Why it is not faster.** The function decodes nothing any more: it decompresses blocks and cuts them into messages. What is left on the main thread is gRPC: a request is serialized, framed and written to a socket of HTTP/2 by JavaScript, and a
part is the fixed time of a batch: its lease, its states, the manifest, and the preparation of the descriptor. The receiver of the bench runs on the other core and only counts. \`JSONWriter\` encodes each row from an object; it spends its time there.`;

export const streamSection: WriteSection = (all) => {
  const records = recordsOf(all, 'stream');
  const main = mainOf(records);
  return {
    title: 'Stream',
    aims: [
      atLeast(`stream: at least ${RATE} × JSONWriter in the same run`, RATE, main?.compared.ratio ?? null),
    ],
    charts:
      main === null ? [] : [chartOfRates('performance-stream', 'Streaming a batch', main, ['JSONWriter'])],
    text: [
      `\`npm run bench -- stream\` streams a staged batch, nine upserts for each delete, from the event to the applied batch, to a receiver that acknowledges each request at once. The baseline gives the same rows, in requests of the same size, to the
\`JSONWriter\` of Google's package. Both must send the same bytes.`,
      WHY,
      ...records.map((record) => tablesOf(record)),
    ].join('\n\n'),
  };
};
