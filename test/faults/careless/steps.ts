import type { World } from './world.ts';

/** Something that a careless person does. It changes the world, or does nothing where it does not fit. */
export type Step = { title: string; weight: number; run: (world: World) => Promise<unknown> };

export const step = (title: string, weight: number, run: Step['run']): Step => ({ title, weight, run });
