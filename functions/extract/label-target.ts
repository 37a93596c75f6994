import { isFedWithoutLabel } from '../../shared/batch/own-target.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { FoundTable } from '../../shared/warehouse/found-table.ts';
import type { Extraction } from './extraction.ts';

/** Gives an existing target the id of this installation, before anything else of it changes. From then on, another one halts the view. */
export async function labelTarget(
  { source, lease }: Extraction,
  target: FoundTable,
  dependencies: Dependencies,
): Promise<void> {
  const { control, log, warehouse } = dependencies;
  const { installation: from } = target;
  const to = await control.installation.id();
  if (from === to) return;
  if (from !== null || (await isFedWithoutLabel(source, target, dependencies))) {
    log.warn({ view: source.name, from, to }, 'target taken over');
    const details = { from, to };
    await control.schemaChanges.record(lease, { kind: 'installation', action: 'taken over', details });
  }
  await warehouse.setInstallation(source, to);
}
