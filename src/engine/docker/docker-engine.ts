import type Docker from "dockerode";
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { RunnerError } from "../../shared/errors.ts";
import { unlessAborted } from "../../shared/abort.ts";
import type { ImagePlan } from "../../plan/plan.ts";
import type {
  Cursor,
  Delivery,
  Engine,
  Exit,
  Image,
  OutputBatch,
  StageCondition,
  StageHandle,
  StageSpec,
} from "../engine.ts";
import { followRoom } from "../room/follow.ts";
import { Gate } from "../room/gate.ts";
import { deliveryText } from "../room/delivery.ts";
import { makeRoom } from "../room/room.ts";
import type { Marks } from "../room/marks.ts";
import { marksOf } from "../room/read-marks.ts";
import { connect, usesUserNamespaces } from "./connect.ts";
import { createContainer } from "./create.ts";
import { places, toContainerOptions } from "./container-options.ts";
import { DockerServices } from "./docker-services.ts";
import { isNotFound, translate } from "./errors.ts";
import { eraseFolder } from "./erase.ts";
import { exitOf } from "./exit.ts";
import { Images } from "./images.ts";
import { containerName } from "./labels.ts";
import { Quiet } from "./quiet.ts";
import { removeRun, sweepRuns } from "./removal.ts";
import { stopContainer } from "./stop.ts";
import { Watch } from "./watch.ts";

/** The Docker Engine, found as the docker command finds it: DOCKER_HOST and its kin, else the usual socket. */
export class DockerEngine implements Engine {
  readonly #docker: Docker;
  readonly #runnerId: string;
  readonly #images: Images;
  #shiftsOwners: Promise<boolean> | undefined;
  readonly #watches = new Map<string, Watch>();
  readonly #gates = new Map<string, Gate>();
  readonly #quiet = new Quiet();
  readonly services: DockerServices;

  constructor(options: { readonly runnerId: string }) {
    this.#docker = connect();
    this.#runnerId = options.runnerId;
    this.#images = new Images(this.#docker);
    this.services = new DockerServices(this.#docker, this.#runnerId);
  }

  async ping(signal: AbortSignal): Promise<void> {
    try {
      await unlessAborted(this.#docker.ping(), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw translate(error, { verb: "answer" });
    }
  }

  async pull(image: ImagePlan, report: (line: string) => void, signal: AbortSignal): Promise<Image> {
    this.#shiftsOwners ??= usesUserNamespaces(this.#docker);
    const [present, shiftsOwners] = await Promise.all([
      this.#images.ensure(image, report, signal),
      this.#shiftsOwners,
    ]);
    return { ...present, shiftsOwners };
  }

  imageId(image: ImagePlan, signal: AbortSignal): Promise<string | undefined> {
    return this.#images.idOf(image, signal);
  }

  async create(spec: StageSpec, signal: AbortSignal): Promise<StageHandle> {
    const nonce = randomBytes(16).toString("hex");
    await mkdir(spec.workspace, { recursive: true });
    await makeRoom(spec.room, spec, places, nonce);
    signal.throwIfAborted();
    const network = this.services.networkOf(spec.runId);
    try {
      const container = await createContainer(
        this.#docker,
        toContainerOptions(spec, this.#runnerId, network),
      );
      return {
        runId: spec.runId,
        engine: "docker",
        container: container.id,
        room: spec.room,
        facts: { nonce, shell: spec.shell, image: spec.image.name },
      };
    } catch (error) {
      throw translate(error, { verb: "create the container", image: spec.image.name });
    }
  }

  async start(handle: StageHandle, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    try {
      await this.#quiet.during(() => this.#docker.getContainer(handle.container).start());
    } catch (error) {
      throw translate(error, { verb: "start the container", image: String(handle.facts["image"]) });
    }
    this.#watch(handle);
  }

  async open(handle: StageHandle, delivery: Delivery, signal: AbortSignal): Promise<void> {
    const ended = (): boolean => this.#watch(handle).ended;
    const gate = await Gate.open(handle.room, deliveryText(delivery, places.secrets), { ended, signal });
    if (gate !== undefined) {
      this.#gates.set(handle.runId, gate);
      return;
    }
    const { image, shell } = handle.facts;
    throw new RunnerError(
      "image_unavailable",
      `image "${String(image)}" can't run the stage: it needs the shell "${String(shell)}", and "cat"`,
    );
  }

  async *follow(
    handle: StageHandle,
    cursor: Cursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<OutputBatch, Exit, void> {
    const watch = this.#watch(handle);
    const from = typeof cursor === "number" ? cursor : 0;
    const nonce = String(handle.facts["nonce"]);
    const marks = yield* followRoom({ room: handle.room, nonce, from, ended: () => watch.ended }, signal);
    return exitOf(this.#docker.getContainer(handle.container), marks);
  }

  async stop(handle: StageHandle, graceMs: number): Promise<void> {
    const container = this.#docker.getContainer(handle.container);
    this.#gates.get(handle.runId)?.close();
    await stopContainer(container, handle, this.#watch(handle), graceMs);
  }

  async inspect(handle: StageHandle, signal: AbortSignal): Promise<StageCondition> {
    const marks = await marksOf(handle.room, String(handle.facts["nonce"]));
    if (marks?.end !== undefined) return "ended";
    const container = this.#docker.getContainer(handle.container);
    try {
      const { State: state } = await unlessAborted(container.inspect(), signal);
      if (state.Status === "created") return "created";
      if (!state.Running) return endedCondition(marks);
      return marks?.passedGate === true ? "running" : "held";
    } catch (error) {
      if (isNotFound(error)) return "gone";
      throw translate(error, { verb: "inspect the container" });
    }
  }

  async remove(runId: string): Promise<void> {
    const watch = this.#watches.get(runId);
    watch?.close();
    this.#watches.delete(runId);
    this.#letGo(runId);
    this.services.forget(runId);
    const container = this.#docker.getContainer(containerName(runId));
    await removeRun(this.#docker, this.#runnerId, runId, container);
    await watch?.done.catch(() => {}); // it looks into the room once more
  }

  async dismiss(handle: StageHandle): Promise<void> {
    await this.#quiet.wait();
    this.#letGo(handle.runId);
  }

  settle(): void {
    this.#quiet.release();
  }

  async sweep(liveRuns: ReadonlySet<string>): Promise<readonly string[]> {
    return sweepRuns(this.#docker, this.#runnerId, liveRuns);
  }

  async erase(folder: string, image: string): Promise<void> {
    await eraseFolder(this.#docker, this.#runnerId, { folder, image });
  }

  #letGo(runId: string): void {
    this.#gates.get(runId)?.letGo();
    this.#gates.delete(runId);
  }

  #watch(handle: StageHandle): Watch {
    let watch = this.#watches.get(handle.runId);
    if (watch === undefined) {
      watch = new Watch(this.#docker.getContainer(handle.container), handle.room);
      this.#watches.set(handle.runId, watch);
    }
    return watch;
  }
}

/** Of a container that has ended without its commands having said so. One that never passed its gate has run none of them. */
function endedCondition(marks: Marks | undefined): StageCondition {
  if (marks === undefined) return "gone";
  return marks.passedGate ? "ended" : "created";
}
