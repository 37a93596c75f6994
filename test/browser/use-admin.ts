import { ADMIN, type RunningFunction, startFunction } from '../local/functions.ts';
import { bearer, OPERATOR, VIEWER } from '../support/admin-access.ts';
import type { Installation } from '../support/installation.ts';
import type { InstallationOptions, Stack } from '../support/stack.ts';
import { useInstallation } from '../support/use-installation.ts';

/** Who opens the page, as the `by` of a browser. */
export const BY = { operator: bearer(OPERATOR), viewer: bearer(VIEWER), stranger: bearer('zoe@example.com') };

export type OpenAdmin = { on: Installation; stack: Stack; url: string; lines: string[] };

/** Starts the page of an installation behind IAM, in a process of its own, which the caller stops. */
export const startAdmin = (
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void = () => undefined,
): Promise<RunningFunction<typeof ADMIN>> =>
  startFunction(ADMIN, {
    env: { ...process.env, ...env, ADMIN_SIGN_IN: 'iam', ADMIN_OPERATORS: OPERATOR, ADMIN_VIEWERS: VIEWER },
    anyPort: true,
    onLine,
  });

/** An installation of its own for the tests of a `describe`, and the page of its operators behind IAM. `lines` are what admin logs. */
export function useAdmin(options: InstallationOptions = {}): OpenAdmin {
  const { on, stack } = useInstallation({ per: 'file', ...options });
  let running: RunningFunction<typeof ADMIN>;
  const lines: string[] = [];
  before(async () => {
    running = await startAdmin({ ...on.parts.env, ...stack.endpoints() }, (line) => lines.push(line));
  });
  after(() => running.process.stop());
  return {
    ...{ on, stack, lines },
    get url() {
      return running.url;
    },
  };
}
