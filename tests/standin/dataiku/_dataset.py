"""Datasets as DSS reads them: quoted TSV through `pandas.read_csv`, with all that pandas makes of it."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from dataiku._job import check_declared, job, project, short_name
from dataiku._writer import DatasetWriter

INTEGERS = ("bigint", "int", "smallint", "tinyint")
FLOATS = ("double", "float")


class Dataset:
    """The part of `dataiku.Dataset` that reads and writes; other arguments than these are refused."""

    def __init__(
        self, name: str, project_key: str | None = None, ignore_flow: bool = False
    ) -> None:
        self.short_name = short_name(name, project_key)
        check_declared(self.short_name, ignore_flow=ignore_flow)
        self.project_key = job().project_key
        self.name = self.full_name = f"{self.project_key}.{self.short_name}"
        self.spec_item = {"appendMode": self.short_name in job().appends}
        partition = job().partition_of(self.short_name)
        if job().behaviour.partition_told == "attribute":
            self.writePartition = partition or "NP"
        self._stored = project().dataset(self.short_name, partition)

    def read_schema(self, raise_if_empty: bool = True) -> list[dict[str, object]]:
        if raise_if_empty and not self._stored.schema:
            raise ValueError(f"Dataset {self.full_name} has no schema.")
        return self._stored.schema

    def write_schema(
        self, columns: Sequence[Mapping[str, object]], drop_and_create: bool = False
    ) -> None:
        names = [str(column["name"]) for column in columns]
        if len(set(names)) != len(names):
            raise ValueError(f"Two columns have one name: {', '.join(names)}")
        if self.spec_item["appendMode"] and self._stored.schema:
            self._check_appendable(columns)
        self._stored.set_schema(columns)

    def save_external_metric_values(
        self, values_dict: Mapping[Any, object], partition: str = ""
    ) -> None:
        """Numbers by name; the backend may not take them."""
        if job().behaviour.metrics_refused:
            raise RuntimeError(f"Failed to save external metric values: {values_dict}")
        if not isinstance(partition, str):
            raise TypeError(f"A partition is named by text, not by {partition!r}.")
        self._stored.publish(partition, dict(map(_metric, values_dict.items())))

    def set_write_partition(self, spec: str) -> None:
        raise RuntimeError("The flow decides on partitions: a recipe may not.")

    add_read_partitions = set_write_partition

    def get_writer(self) -> DatasetWriter:
        return DatasetWriter(
            self.full_name,
            self._stored,
            self._stored.schema,
            append=self.spec_item["appendMode"],
            behaviour=job().behaviour,
        )

    def write_with_schema(self, df: pd.DataFrame, drop_and_create: bool = False) -> None:
        self.write_schema_from_dataframe(df, drop_and_create)
        with self.get_writer() as writer:
            writer.write_dataframe(df)

    def write_schema_from_dataframe(self, df: pd.DataFrame, drop_and_create: bool = False) -> None:
        self.write_schema([{"name": name, "type": _dss_type(df[name])} for name in df.columns])

    def get_dataframe(
        self,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        infer_with_pandas: bool = True,
        parse_dates: bool = True,
        bool_as_str: bool = False,
        int_as_float: bool = False,
        use_nullable_integers: bool = False,
        na_values: object = None,
        keep_default_na: bool = True,
    ) -> pd.DataFrame:
        names = self._names()
        dtypes = self._dtypes(bool_as_str, int_as_float, use_nullable_integers)
        frame: pd.DataFrame = self._read(
            nrows=limit,
            dtype=None if infer_with_pandas else dtypes,
            parse_dates=self._dates() if parse_dates else False,
            na_values=na_values,
            keep_default_na=keep_default_na,
        )
        return frame[list(columns or names)]

    def iter_dataframes(
        self,
        chunksize: int = 10000,
        infer_with_pandas: bool = True,
        parse_dates: bool = True,
        columns: Sequence[str] | None = None,
        bool_as_str: bool = False,
        int_as_float: bool = False,
        use_nullable_integers: bool = False,
        na_values: object = None,
        keep_default_na: bool = True,
    ) -> Iterator[pd.DataFrame]:
        dtypes = self._dtypes(bool_as_str, int_as_float, use_nullable_integers)
        for frame in self._chunks(
            chunksize=chunksize,
            dtype=None if infer_with_pandas else dtypes,
            parse_dates=self._dates() if parse_dates else False,
            na_values=na_values,
            keep_default_na=keep_default_na,
        ):
            yield frame[list(columns or frame.columns)]

    def iter_dataframes_forced_types(
        self,
        names: Sequence[str],
        dtypes: Mapping[str, object],
        parse_date_columns: Sequence[str],
        chunksize: int = 10000,
        sampling: str = "head",
        limit: int | None = None,
        na_values: object = None,
        keep_default_na: bool = True,
    ) -> Iterator[pd.DataFrame]:
        """Of a random sample the order is nobody's business."""
        if list(names) != self._names():
            raise ValueError("The stream has every column of the schema, in its order.")
        if sampling == "random":
            if limit is None:
                raise ValueError("A random sample needs a limit or a ratio.")
            whole = self._read(dtype=dict(dtypes), keep_default_na=keep_default_na)
            chosen = whole.sample(min(limit, len(whole)))
            yield from (chosen[at : at + chunksize] for at in range(0, len(chosen), chunksize))
            return
        yield from self._chunks(
            chunksize=chunksize,
            dtype=dict(dtypes),
            parse_dates=list(parse_date_columns) or False,
            na_values=na_values,
            keep_default_na=keep_default_na,
        )

    def iter_tuples(self, timeout: float = 30) -> Iterator[tuple[str, ...]]:
        """Ends without a word when its reader took longer than `timeout` between two rows."""
        for frame in self._chunks(chunksize=1000, dtype=str, keep_default_na=False):
            for row in frame.itertuples(index=False, name=None):
                asked = time.monotonic()
                yield row
                if 0 < timeout < time.monotonic() - asked:
                    return

    def _chunks(self, **options: object) -> Iterator[pd.DataFrame]:
        if not self._stored_bytes():
            if job().behaviour.zero_rows_give_a_chunk:
                options.pop("chunksize")
                yield self._read(**options)
            return
        with self._read(**options) as frames:
            yield from frames

    def _stored_bytes(self) -> int:
        self._stored.check_readable()
        return self._stored.data.stat().st_size

    def _read(self, **options: object) -> Any:
        self._stored.check_readable()
        return pd.read_csv(  # type: ignore[call-overload]  # its stubs want literals
            self._stored.data,
            sep="\t",
            header=None,
            names=self._names(),
            doublequote=True,
            quotechar='"',
            encoding="utf-8",
            index_col=False,
            **options,
        )

    def _names(self) -> list[str]:
        return [str(column["name"]) for column in self.read_schema()]

    def _dates(self) -> list[str] | bool:
        dates = [str(it["name"]) for it in self.read_schema() if it["type"] == "date"]
        return dates or False

    def _dtypes(
        self, bool_as_str: bool, int_as_float: bool, nullable_integers: bool
    ) -> dict[str, object]:
        integer = "float64" if int_as_float else "Int64" if nullable_integers else "int64"
        by_type: dict[str, object] = dict.fromkeys(INTEGERS, integer)
        by_type.update(dict.fromkeys(FLOATS, "float64"))
        by_type["boolean"] = str if bool_as_str else "bool"
        schema = [(str(it["name"]), str(it["type"])) for it in self.read_schema()]
        return {name: by_type.get(kind, str) for name, kind in schema if kind != "date"}

    def _check_appendable(self, columns: Sequence[Mapping[str, object]]) -> None:
        there = [(it["name"], it["type"]) for it in self._stored.schema]
        if [(it["name"], it["type"]) for it in columns] != there:
            raise RuntimeError(
                f"Dataset {self.full_name} is appended to: its schema cannot be changed."
            )


def _metric(named: tuple[Any, object]) -> tuple[str, float]:
    name, value = named
    if not isinstance(name, str) or not name:
        raise TypeError(f"A metric is named by text, not by {name!r}.")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"The metric {name} is no number: {value!r}")
    return name, value


def _dss_type(series: "pd.Series[Any]") -> str:
    return {"i": "bigint", "f": "double", "b": "boolean", "M": "date"}.get(
        series.dtype.kind, "string"
    )
