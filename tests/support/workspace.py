"""Checkouts beside this repository: a parent POM, the shared library, applications."""

from __future__ import annotations

from pathlib import Path

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  {parent}
  <artifactId>{artifact}</artifactId>
  <version>1.0.0</version>
  {rest}
</project>
"""

_SPRING = """<parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>3.4.13</version>
    <relativePath/>
  </parent>
  <groupId>com.rofecare</groupId>"""

_OURS = """<parent>
    <groupId>com.rofecare</groupId>
    <artifactId>rofecare-parent</artifactId>
    <version>1.0.0</version>
    <relativePath>../rofecare-parent/pom.xml</relativePath>
  </parent>"""

_CLOUD = """<packaging>pom</packaging>
  <properties><java.version>21</java.version></properties>
  <dependencyManagement><dependencies><dependency>
    <groupId>org.springframework.cloud</groupId>
    <artifactId>spring-cloud-dependencies</artifactId>
    <version>2024.0.2</version>
    <type>pom</type>
    <scope>import</scope>
  </dependency></dependencies></dependencyManagement>"""

_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId>{}</dependency>"

_APPLICATION = (
    "<dependencies>"
    + _DEPENDENCY.format("com.rofecare", "rofecare-common", "<version>1.0.0</version>")
    + _DEPENDENCY.format("org.springframework.boot", "spring-boot-starter-web", "")
    + _DEPENDENCY.format("org.springframework.boot", "spring-boot-starter-actuator", "")
    + _DEPENDENCY.format("org.springframework.cloud", "spring-cloud-starter-config", "")
    + _DEPENDENCY.format("org.springframework.cloud", "spring-cloud-starter-netflix-eureka-client", "")
    + "</dependencies><build><plugins><plugin><groupId>org.springframework.boot</groupId>"
    "<artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build>"
)

_MAIN = """package com.rofecare.own;

import com.rofecare.common.Greeting;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Application {
    public static void main(String[] arguments) {
        SpringApplication.run(Application.class, arguments);
    }

    @GetMapping("/api/%(path)s/own")
    Map<String, String> own() {
        return Map.of("greeting", Greeting.TEXT);
    }
}
"""

_LIBRARY = (
    'package com.rofecare.common;\n\npublic class Greeting {\n    public static final String TEXT = "from source";\n}\n'
)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def shared(workspace: Path) -> None:
    """The parent POM and the library that every application needs installed first."""
    _write(workspace / "rofecare-parent/pom.xml", _POM.format(parent=_SPRING, artifact="rofecare-parent", rest=_CLOUD))
    _write(workspace / "rofecare-common/pom.xml", _POM.format(parent=_OURS, artifact="rofecare-common", rest=""))
    _write(workspace / "rofecare-common/src/main/java/com/rofecare/common/Greeting.java", _LIBRARY)


def application(workspace: Path, name: str, path: str) -> None:
    """A Spring Boot application that fulfils the contract of the platform."""
    _write(workspace / name / "pom.xml", _POM.format(parent=_OURS, artifact=name, rest=_APPLICATION))
    _write(workspace / name / "src/main/java/com/rofecare/own/Application.java", _MAIN % {"path": path})


def broken(workspace: Path, name: str, path: str) -> None:
    """The same, with a file that does not compile."""
    application(workspace, name, path)
    _write(
        workspace / name / "src/main/java/com/rofecare/own/Half.java",
        "package com.rofecare.own;\n\nclass Half {\n    int x = nothing;\n}\n",
    )
