// start stack via long mode data, then compare
import { compare } from './compare/compare.ts'; import { createCloud } from './cloud.ts';
const [sourceUrl='', bigqueryUrl=''] = process.argv.slice(2);
const mem=()=>Math.round(process.memoryUsage().rss/1e6);
const c=createCloud({bigqueryUrl,pubsubHost:'x:1',storageUrl:'http://x'});
console.log('before',mem());
for (const [v,t,k] of [['pmr_pm_item','pm_item','pm_item_id'],['pmr_inventory','inventory','inventory_id']] as const){
const t0=Date.now(); const r=await compare({view:v,target:'SMartDataAnalytics.'+t,keyColumn:k,keepsDeletedRows:true},{sourceUrl,bigquery:c.bigquery});
console.log(r.sourceRows,r.targetRows,r.consistent,r.totals,Date.now()-t0,'ms rss',mem(), 'max', process.resourceUsage().maxRSS/1e3);}
