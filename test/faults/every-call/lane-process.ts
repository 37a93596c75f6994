import { type Call, recordCalls } from './call.ts';
import { type Injection, inject, type Verdict } from './inject.ts';
import { Lane } from './lane.ts';
import { type Situation, SituationSetup } from './situation.ts';

/** A request to the process of a lane, which handles one at a time. */
export type Request =
  | { command: 'record'; situation: Situation }
  | { command: 'inject'; injection: Injection }
  | { command: 'stop' };
export type Recorded = { situation: Situation; calls: Call[] };
export type Answer = Recorded | Verdict | null;

const lane = await Lane.start();
const setup = new SituationSetup(lane);

async function answer(request: Request): Promise<Answer> {
  switch (request.command) {
    case 'record': {
      const { situation } = request;
      return { situation, calls: await recordCalls(lane, setup, situation) };
    }
    case 'inject':
      return await inject(lane, setup, request.injection);
    case 'stop':
      await lane.stop();
      return null;
  }
}

process.on(
  'message',
  (request: Request) => void answer(request).then((answered) => process.send?.(answered)),
);
// The parent has stopped this lane, or is gone.
process.once('disconnect', () => process.exit());
