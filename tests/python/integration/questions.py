"""What no public text says of DSS, and what of the plugin rests on it."""

from dataclasses import dataclass

KEPT = (
    "Run `make integration KEEP=1`: it waits before it removes what it made, and names the project."
)


@dataclass(frozen=True, slots=True)
class Question:
    """`look`: the clicks that answer it, where no program can."""

    id: str
    text: str
    matters: str
    look: tuple[str, ...] = ()


QUESTIONS = (
    Question(
        "ticket_on_openai_route",
        "Does the OpenAI-compatible route accept a job's ticket, at the address that a job knows?",
        "The plugin's first choice of a credential; else a user secret or a key is needed.",
    ),
    Question(
        "ticket_and_authorization",
        "What happens when a ticket and an Authorization header come together?",
        "The plugin takes the header out.",
    ),
    Question(
        "front_port_in_jobs",
        "Does a job find the port of browsers, and is `/public/api` there for a ticket?",
        "The way out where the backend's port does not serve the route.",
    ),
    Question(
        "unsupported_arguments",
        "Which arguments outside the documented list are honoured, which ignored, which refused?",
        "None is sent, except `response_format` where an admin's probe found it honoured.",
    ),
    Question(
        "images_on_openai_route",
        "Do images travel on that route?",
        "The recipe's fields for images.",
    ),
    Question(
        "response_shape",
        "Which fields does an answer have, and how does a stream end?",
        "Tokens and cost come from `usage`; a stream without its end is a failure.",
    ),
    Question(
        "error_statuses",
        "How are an unknown LLM, an unknown key and an unknown project refused?",
        "Whether a call is asked again, its row fails, or the run stops.",
    ),
    Question(
        "quota_guardrail_rate_limit",
        "How are a blocked quota, a guardrail and the Mesh's rate limit refused?",
        "A quota stops the run at once, a rate limit is waited out, a guardrail costs one row.",
        look=(
            KEPT,
            (
                "Administration > Settings > LLM Mesh > Cost control: add a quota of 0.01 USD on the LLM's connection,"
                " blocking. Build `answers` of the kit's project with 'Reuse completions' set to 'Never' until a call"
                " is refused; note `error_type` and `error_message` of the row, or the job's banner. Remove the quota."
            ),
            (
                "Same page > Rate limiting: set 1 request a minute for the model of LLM_ID, build again, note the same"
                " and the seconds that calls took. Put the old limit back."
            ),
            (
                "The connection of LLM_ID > Guardrails: add a prohibited-terms guardrail with the word 'river', reject,"
                " build again, note the same. Remove the guardrail."
            ),
        ),
    ),
    Question(
        "other_routes",
        "Are `embeddings` and legacy `completions` served?",
        "Nothing; the plugin uses neither.",
    ),
    Question(
        "llm_list",
        "Which keys does an entry of the list of LLMs have?",
        "The macro's columns.",
    ),
    Question(
        "abort_signal",
        "What does a recipe's process receive on abort, and how long has it then?",
        "On SIGTERM the run saves answers; on SIGKILL it loses at most those of two seconds.",
    ),
    Question(
        "output_before_writer",
        "Does a run that fails before it opens its writer leave the output as it was?",
        "The promise that a run that does not finish leaves the previous output.",
    ),
    Question(
        "writer_opened_only",
        "Is the output cleared when a writer opens, even if no row follows?",
        "The writer opens only when every row is decided.",
    ),
    Question(
        "writer_on_exception",
        "Are rows kept that were written before an exception?",
        "A final write that fails is tried again from the run store.",
    ),
    Question(
        "extra_keys",
        "What does `write_row_dict` do with a key that the schema has not?",
        "Rows have exactly the schema's columns.",
    ),
    Question(
        "iter_rows_timeout",
        "Do `iter_rows` and `iter_tuples` end when a reader is slow, and after how long?",
        "The plugin reads by neither.",
    ),
    Question(
        "zero_rows",
        "Does an empty dataset give one empty chunk, or none?",
        "Both are taken.",
    ),
    Question(
        "null_and_empty",
        "Do null and empty text read alike?",
        "Cells are read as text and written back: the recipe takes both for one.",
    ),
    Question(
        "folder_output_emptied",
        "Is a managed folder that a recipe writes ever emptied by a build?",
        "Resume: answers lie in such a folder.",
    ),
    Question(
        "folder_beside_partitions",
        "May a folder without partitions stand beside a partitioned output?",
        "Otherwise partitioned recipes need 'Run folder id'.",
    ),
    Question(
        "partition_told",
        "Where does a recipe find the partition that it writes?",
        "Partitions keep their answers apart by it.",
    ),
    Question(
        "recipe_config_place",
        "Where do a plugin recipe's settings stand in the API?",
        "The macros forecast and try-rows read them there.",
    ),
    Question(
        "plugin_settings_place",
        "Where do a plugin's own settings stand in the API, and do they reach a recipe?",
        "Ceilings and keys that an admin sets by a program.",
    ),
    Question(
        "variables_in_params",
        "Are variables in a plugin recipe's fields resolved by DSS?",
        "The plugin resolves them itself in two fields, and takes text that is resolved already.",
    ),
    Question(
        "metric_ids",
        "Under which ids do metrics appear that a recipe published?",
        "The example rule looks for them by the end of their id.",
    ),
    Question(
        "macro_failure",
        "What does the API tell of a macro that fails?",
        "Scenario steps that call macros from Python.",
    ),
    Question(
        "macro_result_in_steps",
        "Do later steps of a scenario see a macro's result?",
        "The macro offers a variable and a dataset instead.",
    ),
    Question(
        "result_table_types",
        "Which types of columns does a macro's table take?",
        "All columns are STRING: numbers may sort as text.",
        look=(
            (
                "Any project > Macros > List available LLMs, with 'Check that they answer': click the heading of"
                " 'Latency' in the result. Do 9 and 10 sort as numbers?"
            ),
        ),
    ),
    Question(
        "html_in_table",
        "Does DSS escape HTML in the cells of a macro's table?",
        "Names of columns and labels of LLMs stand in cells as they are.",
        look=(
            KEPT,
            (
                "The kit's project > Macros > Forecast a prompt batch, with the recipe `ask_markup`: does the line of"
                " the row that fails show `<b>x</b>`, tags and all, or a bold x?"
            ),
        ),
    ),
    Question(
        "core_packages",
        "Which core packages and which pandas does the plugin's code env get?",
        "No pin stands in the plugin's requirements.",
    ),
    Question(
        "surroundings",
        "What is around a recipe's process: its name, directory, variables, log level?",
        "The run store lies in the working directory; nothing may rest on `__main__`.",
    ),
    Question(
        "dss_version",
        "Which version of DSS, and of its Python client inside jobs?",
        "What this report holds for.",
    ),
    Question(
        "in_a_container",
        "Do the answers above hold in a container?",
        "Other variables, other signals, another way to the backend.",
        look=(
            KEPT,
            (
                "Project > Settings > Containerized execution: choose a configuration; Administration > Code envs >"
                " the plugin's env > Containerized execution: build it for that one."
            ),
            (
                "Build the datasets that begin with `kit_` again and compare the lines with KIT in their logs with this"
                " report's evidence; build `answers` and see whether it succeeds."
            ),
        ),
    ),
    Question(
        "html_in_folder",
        "How does a managed folder show the run report, an HTML file?",
        "Where users read the report.",
        look=(
            KEPT,
            (
                "Open the folder `run` in the project's flow, click report.html: is it rendered, shown as"
                " source, or offered for download? If rendered: are its charts there, does the console complain?"
            ),
        ),
    ),
    Question(
        "form_in_browser",
        "Does the form look as the pictures in the README?",
        "Conditions between fields are evaluated by the browser.",
        look=(
            KEPT,
            (
                "Open the recipe `ask`: does 'LLM' list LLMs? Tick 'Show advanced settings', choose each source of"
                " messages and each output format: do the fields appear that docs/images shows?"
            ),
            "Macros > Forecast a prompt batch: does 'Recipe' offer `ask`?",
        ),
    ),
)
