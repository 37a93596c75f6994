import type { Pair } from '../../local/compare/compare.ts';
import type { Table } from '../../support/sample-source.ts';

export type ViewName = 'pmr_project' | 'xyz_incident';

export interface ViewUnderTest {
  name: ViewName;
  applier: 'merge' | 'stream';
  table: Table;
  pair: Pair;
  /** What a row of the table holds beside its id. */
  fields(text: string): Record<string, unknown>;
}

export const VIEWS: Readonly<Record<ViewName, ViewUnderTest>> = {
  pmr_project: {
    name: 'pmr_project',
    applier: 'merge',
    table: 'app_project',
    pair: {
      view: 'pmr_project',
      target: 'SMartDataAnalytics.project',
      keyColumn: 'project_id',
      keepsDeletedRows: true,
    },
    fields: (text) => ({ name: text, share: '0.125', opened: '2026-01-02T03:04:05.678Z' }),
  },
  xyz_incident: {
    name: 'xyz_incident',
    applier: 'stream',
    table: 'app_incident',
    pair: {
      view: 'xyz_incident',
      target: 'SMartDataAnalytics.incident',
      keyColumn: 'incident_id',
      keepsDeletedRows: false,
    },
    fields: (text) => ({ type: text, inventory_id: 7, owner: 'Kai' }),
  },
};
