import type { Keys } from "../draft.ts";
import type { Item } from "../tree.ts";
import { filled, isHostName, leaveKeys, under } from "../values.ts";
import type { JobDraft } from "./job-draft.ts";

export function servicesOf(item: Item, job: JobDraft): unknown[] | undefined {
  const services = item.children().flatMap((service) => {
    service.tree.take(service.spot);
    return serviceOf(service, job) ?? [];
  });
  return services.length > 0 ? services : undefined;
}

function serviceOf(item: Item, job: JobDraft): Keys | undefined {
  const image = item.take("image");
  if (image?.text === undefined) return item.leave("a service has an image");
  const where = job.hasContainer ? "" : `; it's reached as "${item.key}", not as localhost`;
  leaveKeys(
    item,
    {
      ports: `every port of a service can be reached${where}`,
      credentials: "the engine's own login is used",
      volumes: "a service sees no folder of the machine",
    },
    `services.${item.key}.`,
  );
  const isHost = isHostName(item.key);
  if (!isHost) item.tree.note(item, `services.${item.key}`, "a host name has letters, digits and - only");
  return {
    name: job.text(image, image.text),
    alias: isHost ? item.key : undefined,
    variables: under(item, "env", (env) => filled(job.variables(env))),
    healthcheck: under(item, "options", healthcheckOf),
  };
}

/** Of the engine's options, those about health; the others are noted. */
function healthcheckOf(item: Item): Keys | undefined {
  const text = item.text ?? "";
  const options = new Map<string, string>();
  const others = text.replaceAll(
    /--health-([a-z-]+)[=\s]+("[^"]*"|'[^']*'|\S+)/g,
    (_, name: string, value: string) => {
      options.set(name, value.replaceAll(/^["']|["']$/g, ""));
      return "";
    },
  );
  if (others.trim() !== "")
    item.tree.note(item, `options ${others.trim()}`, "nothing of the engine but the health check can be set");
  const test = options.get("cmd");
  if (test === undefined) return undefined;
  const retries = Number(options.get("retries"));
  const time = (name: string): string | undefined => /^\d{1,9}[smh]$/.exec(options.get(name) ?? "")?.[0];
  return {
    test,
    interval: time("interval"),
    timeout: time("timeout"),
    retries: Number.isInteger(retries) && retries > 0 ? retries : undefined,
    start_period: time("start-period"),
  };
}
