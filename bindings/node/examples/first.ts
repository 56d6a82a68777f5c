import { Store } from "fbat";

using store = Store.open(process.argv[2] ?? "lamps");
store.append({ entity: "lamp:kitchen", scope: "home", kind: 0x1001, payload: "on" }); // durable
for (const record of store.records()) {
  console.log(record.entity, record.payload.toString());
}
