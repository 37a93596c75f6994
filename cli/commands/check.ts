import type { Finding } from '../../shared/source/inspect-server.ts';
import { ask } from '../ask.ts';
import { EXIT } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { findingLines } from '../output/findings.ts';
import { show } from '../watch.ts';

/** What `{"check":true}` answers. */
type Answer = { outcome: string; ok: boolean; findings: Finding[] };

export default defineCommand({
  command: 'check [view]',
  describe: 'Check connections, rights, keys and columns',
  examples: [
    ['check', 'the installation and all views'],
    ['check pmr_project', 'the installation and one view'],
  ],
  builder: (parser) => parser.positional('view', { type: 'string' }),
  run: ({ view, json }, installation) =>
    show({ json }, async () => {
      const answer = await ask<Answer>(installation, { check: true, view });
      return {
        answer,
        lines: () => findingLines(answer),
        ...(!answer.ok && { exitCode: EXIT.needsAttention }),
      };
    }),
});
