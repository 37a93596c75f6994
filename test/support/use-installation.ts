import { Installation } from './installation.ts';
import { type InstallationOptions, Stack } from './stack.ts';

/** Starts servers for the tests of a `describe`. Every test begins without scripted faults. */
export function useStack(): Stack {
  const stack = new Stack();
  before(async () => {
    await stack.start();
  });
  after(() => stack.stop());
  beforeEach(() => stack.clearFaults());
  return stack;
}

/** Starts servers as `useStack` does, with a new installation for every test, or one for all of them. */
export function useInstallation({
  per = 'test',
  ...options
}: InstallationOptions & { per?: 'test' | 'file' } = {}): { on: Installation; stack: Stack } {
  const stack = useStack();
  const on = new Installation();
  const install = async () => on.become(await stack.install(options));
  if (per === 'test') beforeEach(install);
  else before(install);
  return { on, stack };
}
