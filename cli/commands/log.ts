import { ask } from '../ask.ts';
import { defineCommand } from '../define-command.ts';
import { paragraph } from '../output/table.ts';
import { faint, oneLine } from '../output/text.ts';
import { show } from '../watch.ts';

type Holder = { view: string; by: 'captures' | 'check' | 'first load' };

/** What `{"logFloor":true}` answers. */
type Answer = {
  changeLogTable: string;
  floorId: string | null;
  heldBack: Holder | null;
  prune: string | null;
};

export default defineCommand({
  command: 'log',
  describe: 'Show how to prune the change log',
  examples: [['log', 'the statement that prunes the log, for its owner']],
  builder: (parser) => parser,
  run: ({ json }, installation) =>
    show({ json }, async () => {
      const answer = await ask<Answer>(installation, { logFloor: true });
      return { answer, lines: () => describeFloor(answer) };
    }),
});

const HOLDERS: Record<Holder['by'], (view: string) => string> = {
  captures: (view) => `the next capture of ${view}`,
  check: (view) => `the check of ${view}, which has not ended`,
  'first load': (view) => `the first load of ${view}`,
};

/** The floor of the log, who holds it, and the statement that prunes it. */
export function describeFloor({ changeLogTable, floorId, heldBack, prune }: Answer): string[] {
  const holder =
    heldBack === null
      ? []
      : paragraph(
          faint(oneLine(`The oldest row that is needed: for ${HOLDERS[heldBack.by](heldBack.view)}.`)),
        );
  if (floorId === null || prune === null)
    return [...paragraph(oneLine(`No row of ${changeLogTable} may be deleted yet.`)), ...holder];
  const free = `Nobody needs the rows of ${changeLogTable} below id ${floorId}. As the owner of the log:`;
  return [...paragraph(oneLine(free)), oneLine(prune), ...holder];
}
