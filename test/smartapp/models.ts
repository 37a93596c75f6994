import { lookupModel } from './lookup-model.ts';
import { incident, inventory, item, plan, project } from './main-models.ts';
import type { Model, ModelName } from './model.ts';

/** SMartApp's models by name, with the content type ids of the production database. */
export const MODELS: Readonly<Record<ModelName, Model>> = {
  project,
  inventory,
  plan,
  item,
  incident,
  company: lookupModel('company', 'Company', {
    table: 'app_company',
    nameColumn: 'company_name',
    contentTypeId: 8,
  }),
  employee: lookupModel('employee', 'Employee', {
    table: 'app_employee',
    nameColumn: 'employee_name',
    contentTypeId: 9,
  }),
  brand: lookupModel('brand', 'Brand', { table: 'app_brand', nameColumn: 'brand_name', contentTypeId: 10 }),
  model: lookupModel('model', 'Model', { table: 'app_model', nameColumn: 'model_name', contentTypeId: 11 }),
  productType: lookupModel('productType', 'Product_Type', {
    table: 'app_product_type',
    nameColumn: 'productype_name',
    contentTypeId: 12,
  }),
  incidentType: lookupModel('incidentType', 'Incident_Type', {
    table: 'app_incident_type',
    nameColumn: 'incident_type_name',
    contentTypeId: 19,
  }),
  serviceType: lookupModel('serviceType', 'Service_Type', {
    table: 'app_service_type',
    nameColumn: 'service_type_name',
    contentTypeId: 20,
  }),
  severity: lookupModel('severity', 'Incident_Severity', {
    table: 'app_incident_severity',
    nameColumn: 'severity_name',
    contentTypeId: 21,
  }),
  status: lookupModel('status', 'Incident_Status', {
    table: 'app_incident_status',
    nameColumn: 'incident_status_name',
    contentTypeId: 22,
  }),
};

/** The models behind the source views. */
export const MAIN_MODELS = ['project', 'inventory', 'plan', 'item', 'incident'] as const;

/** The lookup models whose names the source views show. */
export const LOOKUP_MODELS = [
  'company',
  'employee',
  'brand',
  'model',
  'productType',
  'incidentType',
  'serviceType',
  'severity',
  'status',
] as const;

/** The foreign keys with which main models refer to rows of this model. */
export function referencesTo({ name }: Model): { referringModel: Model; column: string }[] {
  return MAIN_MODELS.map((mainModel) => MODELS[mainModel]).flatMap((referringModel) =>
    Object.entries(referringModel.parents)
      .filter(([, parent]) => parent === name)
      .map(([column]) => ({ referringModel, column })),
  );
}
