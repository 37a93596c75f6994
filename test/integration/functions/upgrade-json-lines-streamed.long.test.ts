import { STREAMED_SCENARIOS } from './json-lines/scenarios.ts';
import { upgradeInEveryOrder } from './json-lines/upgrade-in-every-order.ts';

upgradeInEveryOrder(STREAMED_SCENARIOS);
