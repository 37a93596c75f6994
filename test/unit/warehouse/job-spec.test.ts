import assert from 'node:assert/strict';
import { jobLabels } from '../../../shared/warehouse/job-spec.ts';

describe('the labels of a job', () => {
  it('have only characters that BigQuery allows, and at most 63', () => {
    assert.deepEqual(jobLabels({ view: 'PMR.Öl_view', step: 'x'.repeat(70) }), {
      'managed-by': 'smart-datahub',
      view: 'pmr--l_view',
      step: 'x'.repeat(63),
    });
  });
});
