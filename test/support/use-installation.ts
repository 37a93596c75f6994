import { Installation } from './installation.ts';
import { type InstallationOptions, Stack } from './stack.ts';

/** Servers for the tests of a `describe`, each of which begins without a scripted fault. */
export function useStack(): Stack {
  const stack = new Stack();
  before(async () => {
    await stack.start();
  });
  after(() => stack.stop());
  beforeEach(() => stack.clearFaults());
  return stack;
}

/** The same, with an installation: a new one for every test, or one for all of them. */
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
