import { chartOfRates, mainOf, tablesOf } from '../compared-section.ts';
import { ratioOf, recordsOf } from '../figures.ts';
import { atLeast, type WriteSection } from '../section.ts';

const RATE = 5;

const WHY = `**Why it is not faster.** The function decodes nothing any more: it decompresses blocks and cuts them into messages, which is a small part of the profile. What is left on the main thread is the way out: gRPC copies each request into frames of HTTP/2 and writes them to a socket (\`write\`), and the buffers of requests in flight become garbage. The rest is the fixed time of
a batch, which half a million rows do not yet hide: its lease and states, the manifest, the descriptor, and modules that are loaded at the first call. Where answers are late, the stream opens up to four connections, with two requests each: the case beside shows what that brings. The receiver of the bench, which only counts, shares the two cores. \`JSONWriter\` makes an object of each row and encodes it: its CPU is several times that of the stream.`;

export const streamSection: WriteSection = (all) => {
  const records = recordsOf(all, 'stream');
  const main = mainOf(records);
  return {
    title: 'Stream',
    aims: [atLeast(`stream: at least ${RATE} × JSONWriter in the same run`, RATE, ratioOf(main?.compared))],
    charts:
      main === null ? [] : [chartOfRates('performance-stream', 'Streaming a batch', main, ['JSONWriter'])],
    text: [
      `\`npm run bench -- stream\` streams a staged batch, nine upserts for each delete, from the event to the applied batch, to a receiver that acknowledges each request at once, and once more to one that takes 0.3 s for each. The baseline gives the same rows, in requests of the same size, to the
\`JSONWriter\` of Google's package. Both must send the same bytes.`,
      WHY,
      ...records.map((record) => tablesOf(record)),
    ].join('\n\n'),
  };
};
