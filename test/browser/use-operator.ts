import type { BrowserContextOptions } from 'playwright-core';
import type { StackOptions } from '../local/stack.ts';
import { Operator } from './operator.ts';
import { type OpenBrowser, useBrowser } from './use-browser.ts';
import { type RunningStack, useRunningStack } from './use-running-stack.ts';

type Opened = { stack: RunningStack; browser: OpenBrowser; operator: Operator; key: number };

/** The running stack for the tests of a `describe`: for each test an operator before the overview, and the first key of `pmr_project`. */
export function useOperator(
  stackOptions: Partial<Pick<StackOptions, 'tickMs' | 'reach'>> = {},
  reader: BrowserContextOptions = {},
): Opened {
  const stack = useRunningStack(stackOptions);
  const browser = useBrowser();
  let operator: Operator;
  let key: number;
  before(async () => {
    const [project] = await stack.inSource('select min(project_id) as id from pmr_project');
    key = Number(project?.id);
  });
  beforeEach(async () => {
    operator = new Operator(await browser.open(stack.adminUrl, reader));
  });
  return {
    ...{ stack, browser },
    get operator() {
      return operator;
    },
    get key() {
      return key;
    },
  };
}
