import { MERGED_SCENARIOS } from './json-lines/scenarios.ts';
import { upgradeInEveryOrder } from './json-lines/upgrade-in-every-order.ts';

upgradeInEveryOrder(MERGED_SCENARIOS);
