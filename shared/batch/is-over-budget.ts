import type { Dependencies } from '../runtime/dependencies.ts';

/** Whether the view has used up its budget of this UTC day: then nothing that BigQuery bills begins. Logs a warning. */
export async function isOverBudget(
  view: string,
  { control, log }: Pick<Dependencies, 'control' | 'log'>,
): Promise<boolean> {
  const isOver = await control.jobUsage.isOverBudget(view);
  if (isOver) log.warn({ view }, 'view over budget');
  return isOver;
}
